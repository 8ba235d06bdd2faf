"""Workflows as documents, and back."""
