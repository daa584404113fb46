"""The user's own words: classifiers on the stored embeddings, fitted on tags and corrections."""
