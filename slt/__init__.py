"""How wide, and how sparse, must a random network be to contain a strong lottery ticket when part of it is frozen?"""

import slt_verify  # noqa: F401 - first of all
