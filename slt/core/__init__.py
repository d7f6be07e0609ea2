"""What every part of the project needs once: checked arguments, intervals, random keys, files, run store."""
