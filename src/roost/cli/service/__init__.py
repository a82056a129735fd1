"""The daemon as a service of the user: systemd on Linux, launchd on macOS."""
