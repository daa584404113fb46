"""Making music: scores written, continued and harmonised by models of what comes next."""
