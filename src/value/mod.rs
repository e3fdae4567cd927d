//! Records and values: what cmdlets emit and pipes carry.
