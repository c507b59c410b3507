"""What is understood without a language model: commands by rule, and text fit for speech. Pure."""
