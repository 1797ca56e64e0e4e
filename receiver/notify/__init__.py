"""Who is told when a person is needed: causes, the decision to tell, messages, channels."""
