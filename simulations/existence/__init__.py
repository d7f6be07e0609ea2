"""Does a wide frozen random network hold a ticket for this target? Build it from the proof, then check it."""

from simulations.existence.command import main as main
