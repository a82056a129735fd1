"""Everything that touches the machine, behind the interfaces of `roost.host.interfaces`."""
