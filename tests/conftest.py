"""Settings of every test: compiled code makes first calls slow, and examples must not depend on the clock."""

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("project")
