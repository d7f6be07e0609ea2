"""What the literature claims (:data:`theory.claims.CLAIMS`) and what we can prove, with every constant explicit."""

import slt_verify  # noqa: F401 - first of all
from theory.claims import CLAIMS as CLAIMS
