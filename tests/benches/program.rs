//! The program as its users start it: how long until it has done nothing, until its prompt stands, and until a
//! hundred thousand records have gone through a pipe. Prints the largest resident set of the last one too.
//!
//! `rexpect` looks at the terminal every tenth of a second, twice until the prompt stands: of that figure only
//! what is beyond 200 ms is the program's.

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nix::sys::resource::{UsageWho, getrusage};
use rexpect::session::spawn_command;
use support::imsh_at;

const N_RECORDS: u64 = 100_000;
/// "Where is the cursor?", which the editor asks before each prompt, and an answer.
const WHERE: &str = "\x1b[6n";
const HERE: &str = "\x1b[1;1R";

/// The program, with a home of its own.
fn imsh(home: &Path) -> Command {
    let mut command = imsh_at(home);
    command.current_dir(home).env("TERM", "xterm-256color");
    command
}

fn start(criterion: &mut Criterion) {
    let home = tempfile::tempdir().unwrap();
    criterion.bench_function("imsh -c 1, start to exit", |bencher| {
        bencher.iter(|| assert_eq!(imsh(home.path()).args(["-c", "1"]).output().unwrap().stdout, b"1\n"));
    });
    criterion.bench_function("imsh, start to prompt", |bencher| {
        // Leaving takes its time too, and is not a part of it.
        bencher.iter_with_large_drop(|| {
            let mut shell = spawn_command(imsh(home.path()), Some(60_000)).unwrap();
            shell.exp_string(WHERE).unwrap();
            shell.send(HERE).unwrap();
            shell.flush().unwrap();
            shell.exp_string("> ").unwrap();
            shell
        });
    });
}

fn pipe(criterion: &mut Criterion) {
    let home = tempfile::tempdir().unwrap();
    let mut rows = "Pool,Receiver,Result\n".to_owned();
    for n in 0..N_RECORDS {
        let result = if n % 2 == 0 { "Success" } else { "Failure" };
        rows += &format!("pool{}.litwareinc.com,user{n}@contoso.com,{result}\n", n % 100);
    }
    std::fs::write(home.path().join("rows.csv"), rows).unwrap();
    let mut group = criterion.benchmark_group("pipe");
    group.sample_size(10).throughput(Throughput::Elements(N_RECORDS));
    for (name, filter) in
        [("simplified form", "Result -eq Failure"), ("script block", "{ $_.Result -eq 'Failure' }")]
    {
        let line = format!(
            "Import-Csv rows.csv | Where-Object {filter} | Select-Object Pool, Receiver | Measure-Object | % Count"
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let output = imsh(home.path()).args(["-c", &line]).output().unwrap();
                assert_eq!(output.stdout, format!("{}\n", N_RECORDS / 2).as_bytes());
            });
        });
    }
    group.finish();
    let most = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("largest resident set of a program: {} KiB", most);
}

criterion_group!(benches, start, pipe);
criterion_main!(benches);
