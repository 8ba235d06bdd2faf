"""What people say of their work: stages, what they need, and what is done when something happens."""
