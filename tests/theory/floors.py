"""The obstruction's floor with its arrays in the order in which tests make them."""

from theory import obstruction


def sup_error_floor(*arrays, **options):
    names = "first_values", "first_states", "second_values", "second_states", "target"
    return obstruction.sup_error_floor(**dict(zip(names, arrays, strict=True)), **options)
