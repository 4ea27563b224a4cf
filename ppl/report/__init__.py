"""Texts and pictures about models and fits, for people."""
