"""What the literature claims (:data:`theory.claims.CLAIMS`) and what we can prove, with every constant explicit."""

from theory.claims import CLAIMS as CLAIMS
