"""Settings of every test: compiled code makes first calls slow, and examples must not depend on the clock.

``--hypothesis-profile thorough`` draws thousands of fresh examples instead of the same hundred.
"""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("project")
