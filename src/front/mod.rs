//! The ways in: command line, script runs, the interactive shell.
