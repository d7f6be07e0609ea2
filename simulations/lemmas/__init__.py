"""The main job: the lemmas on subset sums with frozen variables, held against measurement."""
