"""How the composers that ship were made."""
