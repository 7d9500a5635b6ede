"""The model card: a release as Markdown, with the header that the Hugging Face Hub reads."""
