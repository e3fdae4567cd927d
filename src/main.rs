//! The `imsh` program: [`imsh::program`] with an allocator that counts.

use std::process::ExitCode;

use cap::Cap;
use mimalloc::MiMalloc;

/// Counts what the process holds: a session's limit is of all of it.
#[global_allocator]
static MEMORY: Cap<MiMalloc> = Cap::new(MiMalloc, usize::MAX);

fn main() -> ExitCode {
    imsh::program(|| MEMORY.allocated())
}
