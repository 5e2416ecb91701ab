"""The programme: settings, plan, running, command line."""
