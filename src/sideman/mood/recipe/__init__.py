"""How the shipped mood model is made: labelled scores, rendered and heard, a regression on what the network hears."""
