"""Settings of every test: compiled code makes first calls slow, and examples must not depend on the clock.

``--hypothesis-profile thorough`` draws thousands of fresh examples instead of the same hundred; ``mutants`` does not
look for the smallest example that fails, because the first one is enough (tests/mutants).
"""

import os

from hypothesis import Phase, settings

os.environ["SLT_VERIFY_CACHE"] = "off"  # answers of other runs are no test of this one

settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.register_profile(
    "mutants", deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate], database=None
)
settings.load_profile("project")
