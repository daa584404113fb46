"""From sound to genre."""
