"""What is typed and shown: the command, progress, answers for scripts, what can be done next."""
