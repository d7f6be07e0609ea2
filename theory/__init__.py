"""What the literature claims and what we can prove, with every constant explicit."""
