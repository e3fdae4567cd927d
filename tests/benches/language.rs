//! How long it takes to read and lower ten thousand lines, what Rhai needs to compile them, and how long
//! all that `imsh lint` does with them takes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use imsh::internals::cmdlets;
use imsh::internals::script::check::check;
use imsh::internals::script::language::{ReadingContext, lower_in};

/// Eight lines of a script as administrators write them.
const LINES: &str = r#"for pool in Get-Pool {
    let failed = Test-XmppIM -TargetFqdn $pool -Receiver "adelany@contoso.com" | Where-Object Result -eq "Failure";
    if failed.len() > 0 { Write-Warning "$(pool.Identity): $(failed.len()) receivers out of reach" }
    let text = `${failed.len()} of ${[1, 2, 3].map(|x| x * 2).len()}`;
    if $failed.Error -like "*refused*" -and -not ($pool.Site -eq 'Redmond') { print(text); }
    $list = @{ Pool = $pool.Identity; Failed = $failed }
    $failed | Sort-Object TargetFqdn | Select-Object -First 5 | Out-Null
}
"#;

fn ten_thousand_lines(c: &mut Criterion) {
    let catalogue = cmdlets::catalogue();
    let context = ReadingContext::new(&catalogue);
    let mixed = LINES.replace(" | Out-Null", "").repeat(10_000 / 8);
    let rhai =
        "let alpha = [1, 2].map(|x| x - 1).len() + f(\"text\", #{ a: 1 }); // a comment\n".repeat(10_000);
    let blocks: String = (0..10_000)
        .map(|n| {
            format!(
                "let r{n} = Get-Pool | Where-Object {{ $_.Site -eq \"x{n}\" }} | Select-Object Identity\n"
            )
        })
        .collect();
    let mut group = c.benchmark_group("language");
    for (name, text) in [("mixed", &mixed), ("rhai", &rhai), ("blocks", &blocks)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("lower {name}"), |bencher| {
            bencher.iter(|| lower_in(black_box(text), &context).map(|lowered| lowered.text().len()));
        });
        let lowered = lower_in(text, &context);
        let Ok(lowered) = lowered else { panic!("the script has mistakes: {lowered:?}") };
        let mut engine = rhai::Engine::new();
        engine.set_max_expr_depths(0, 0);
        group.bench_function(format!("compile {name}"), |bencher| {
            bencher.iter(|| engine.compile(black_box(lowered.text())).is_ok());
        });
        group.bench_function(format!("check {name}"), |bencher| {
            bencher.iter(|| check(black_box(text), &catalogue).remarks.len());
        });
    }
    group.finish();
}

criterion_group!(benches, ten_thousand_lines);
criterion_main!(benches);
