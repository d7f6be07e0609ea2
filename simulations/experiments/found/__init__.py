"""Is search short of existence? Tickets found by Edge-Popup beside those that the proof constructs, in one source."""

from simulations.experiments.found.command import main as main
