//! The `imsh` program: [`imsh::program`] with an allocator that counts.

use std::alloc::System;
use std::process::ExitCode;

use cap::Cap;

/// Counts what the process holds: a session's limit is of all of it.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    imsh::program(|| MEMORY.allocated())
}
