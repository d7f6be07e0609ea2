"""The obstruction's floor with its arrays in the order in which tests make them."""

from theory import obstruction

NAMES = "first_values", "first_states", "second_values", "second_states", "target"


def sup_error_floor(*arrays, **options):
    return obstruction.sup_error_floor(**dict(zip(NAMES, arrays, strict=True)), **options)
