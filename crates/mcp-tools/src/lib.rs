//! The control-tool registry, the control tools and the ports to their targets.
