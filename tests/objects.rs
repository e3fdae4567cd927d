//! The objects family, called through the one door as pipelines.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imsh::internals::access::Principal;
use imsh::internals::call::stores::{TopologyStore, VaultStore};
use imsh::internals::call::{Confirmation, Halt, NoAnswer, Operator, Progress, SessionContext};
use imsh::internals::cmdlet::{Arguments, ErrorRecord};
use imsh::internals::cmdlets::ALL;
use imsh::internals::host::{Gate, Host, Stage};
use imsh::internals::render::{Colour, Format, render};
use imsh::internals::secret::Secret;
use imsh::internals::value::{Block, BlockError, Record, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A script block in Rust.
struct Closure<F>(F);

impl<F> std::fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{ … }")
    }
}

impl<F: Fn(Value) -> Result<Value, BlockError> + Clone + Send + Sync + 'static> Block for Closure<F> {
    fn call(&self, item: Value) -> Result<Value, BlockError> {
        (self.0)(item)
    }

    /// It captures nothing that could change.
    fn apart(&self, _: CancellationToken) -> Arc<dyn Block> {
        Arc::new(Self(self.0.clone()))
    }

    fn source(&self) -> &str {
        " … "
    }

    fn origin(&self) -> &(dyn std::any::Any + Send + Sync) {
        &()
    }
}

fn block(call: impl Fn(Value) -> Value + Clone + Send + Sync + 'static) -> Value {
    Value::Block(Arc::new(Closure(move |item| Ok(call(item)))))
}

fn number(value: &Value) -> i64 {
    if let Value::Integer(number) = value { *number } else { 0 }
}

/// Writes down what is said beside the pipe.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn hear(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Operator for Heard {
    fn ask(&self, _: &str, _: &CancellationToken) -> Result<String, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }
    fn ask_secret(&self, _: &str) -> Result<Secret, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }
    fn confirm(&self, _: &str, _: &CancellationToken) -> Result<Confirmation, NoAnswer> {
        Err(NoAnswer::NoOperator)
    }
    fn host(&self, text: &str) {
        self.hear(text.to_owned());
    }
    fn warning(&self, text: &str) {
        self.hear(format!("WARNING: {text}"));
    }
    fn verbose(&self, text: &str) {
        self.hear(format!("VERBOSE: {text}"));
    }
    fn error(&self, error: &ErrorRecord) {
        self.hear(format!("{}: {} {}", error.id, error.message, error.remedy));
    }
    fn progress(&self, progress: &Progress<'_>) {
        let Progress { activity, done, total, .. } = progress;
        self.hear(format!("{activity}: {done}/{total}"));
    }
}

/// What came of a pipeline.
struct Ran {
    values: Vec<Value>,
    heard: Vec<String>,
    ended: Result<Vec<(String, usize)>, Halt>,
}

impl Ran {
    /// As a person would see it.
    fn shown(&self) -> String {
        render(&self.values, Format::VIEW, Some(100), Colour::Never)
    }

    fn refusal(&self) -> String {
        match &self.ended {
            Err(Halt::Failed(error)) => format!("{}: {} {}", error.id, error.message, error.remedy),
            other => panic!("{other:?}"),
        }
    }
}

fn stage(name: &str, arguments: Arguments) -> Stage {
    Stage { name: name.to_owned(), arguments, position: None, program: None }
}

fn none() -> Arguments {
    Arguments::none()
}

fn run(stages: Vec<Stage>) -> Ran {
    run_in(PathBuf::from("/nonexistent"), Vec::new(), stages)
}

/// Runs a pipeline with these values at its head.
fn feed(values: Vec<Value>, stages: Vec<Stage>) -> Ran {
    run_in(PathBuf::from("/nonexistent"), values, stages)
}

fn run_in(directory: PathBuf, head: Vec<Value>, stages: Vec<Stage>) -> Ran {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let heard = Arc::new(Heard::default());
    let context = SessionContext {
        directory,
        ..SessionContext::new(
            TopologyStore::new(None, imsh::internals::cmdlets::catalogue()),
            VaultStore::new(None, None),
            heard.clone(),
        )
    };
    let principal = Principal::OsUser { name: "kim".to_owned(), groups: Vec::new() };
    let host = Host::new(ALL, Arc::new(context), Gate::new(principal), false);
    let head = (!head.is_empty()).then_some(Value::List(head));
    let (values, ended) = runtime.block_on(async move {
        tokio::spawn(async move {
            let (sender, mut receiver) = mpsc::channel(4);
            let pipeline = host.pipeline(stages, head, sender, CancellationToken::new());
            let collect = async {
                let mut values = Vec::new();
                while let Some(value) = receiver.recv().await {
                    values.push(value);
                }
                values
            };
            let (ended, values) = tokio::join!(pipeline, collect);
            let assigned = ended.assignments;
            let ended = ended.outcome.map(|()| {
                assigned
                    .into_iter()
                    .map(|one| (one.variable, one.value.into_elements().len()))
                    .collect::<Vec<_>>()
            });
            (values, ended)
        })
        .await
        .unwrap()
    });
    let heard = std::mem::take(&mut *heard.0.lock().unwrap());
    Ran { values, heard, ended }
}

fn results() -> Vec<Value> {
    let result = |pool: &str, result: &str, milliseconds| {
        let record = Record::new("TestResult")
            .with("TargetFqdn", pool)
            .with("Result", result)
            .with("Latency", Duration::from_millis(milliseconds))
            .with("Cmdlets", Value::texts(["Test-XmppIM", "Get-Pool"]));
        Value::from(record)
    };
    vec![result("c", "Success", 30), result("a", "Failure", 0), result("B", "Success", 20)]
}

fn pools(ran: &Ran) -> String {
    ran.values
        .iter()
        .map(|value| value.property("TargetFqdn").unwrap().to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

fn texts(ran: &Ran) -> String {
    ran.values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

fn numbers(until: i64) -> Vec<Value> {
    (1..=until).map(Value::Integer).collect()
}

#[test]
fn where_object_filters_by_block_by_operator_and_by_truth() {
    let equal = |value: &str| none().and("Result").switch("eq").and(value);
    assert_eq!(pools(&feed(results(), vec![stage("Where-Object", equal("failure"))])), "a");
    assert_eq!(
        pools(&feed(results(), vec![stage("?", none().and("Latency").switch("gt").and("20ms"))])),
        "c"
    );
    assert_eq!(
        pools(&feed(results(), vec![stage("where", none().and("Result").switch("ceq").and("success"))])),
        ""
    );
    let holds = block(|item| Value::from(item.property("Result").unwrap().to_string() == "Success"));
    assert_eq!(pools(&feed(results(), vec![stage("Where-Object", none().and(holds))])), "c B");
    let matches = none().and("Cmdlets").switch("match").and("^test");
    assert_eq!(pools(&feed(results(), vec![stage("Where-Object", matches)])), "c a B");
    assert_eq!(pools(&feed(results(), vec![stage("Where-Object", none().and("Cmdlets").switch("Not"))])), "");
}

#[test]
fn a_filter_on_a_misspelt_property_is_an_error_and_not_an_empty_answer() {
    let ran = feed(results(), vec![stage("Where-Object", none().and("Reslt").switch("eq").and("Failure"))]);
    assert_eq!(
        ran.refusal(),
        "PropertyNotFound: A TestResult has no property 'Reslt'. Did you mean 'Result'?"
    );
    let ran = feed(numbers(1), vec![stage("Where-Object", none().and("x").switch("match").and("("))]);
    assert_eq!(ran.refusal(), "InvalidComparison: '(' is no regular expression: unclosed group. ");
}

#[test]
fn for_each_object_runs_a_block_or_reads_a_property() {
    let double = || block(|item| Value::Integer(number(&item) * 2));
    assert_eq!(texts(&feed(numbers(3), vec![stage("%", none().and(double()))])), "2 4 6");
    assert_eq!(texts(&feed(results(), vec![stage("ForEach-Object", none().and("TargetFqdn"))])), "c a B");
    let around =
        none().with("Begin", block(|_| "begin".into())).with("End", block(|_| "end".into())).and(double());
    assert_eq!(texts(&feed(numbers(2), vec![stage("ForEach-Object", around)])), "begin 2 4 end");
}

#[test]
fn parallel_results_come_in_order_and_an_error_ends_one_record_alone() {
    // The first block waits for the last one, so they must run at once.
    let barrier = Arc::new(std::sync::Barrier::new(4));
    let waits = Value::Block(Arc::new(Closure(move |item: Value| {
        barrier.wait();
        match number(&item) {
            2 => Err(BlockError::Failed {
                message: "two is odd".to_owned(),
                cause: Arc::new(()),
                record: None,
            }),
            other => Ok(Value::Integer(other * 10)),
        }
    })));
    let arguments = none().with("Parallel", waits).with("ThrottleLimit", 4_i64);
    let ran = feed(numbers(4), vec![stage("ForEach-Object", arguments)]);
    assert_eq!(texts(&ran), "10 30 40");
    assert_eq!(ran.heard, ["ParallelBlockFailed: two is odd "]);
}

#[test]
fn select_object_takes_records_and_properties() {
    let select = |arguments| feed(results(), vec![stage("Select-Object", arguments)]);
    assert_eq!(pools(&select(none().with("First", 2_i64))), "c a");
    assert_eq!(pools(&select(none().with("Last", 1_i64))), "B");
    assert_eq!(pools(&select(none().with("Skip", 1_i64).with("First", 1_i64))), "a");
    assert_eq!(
        texts(&select(none().with("ExpandProperty", "cmdlets").switch("Unique"))),
        "Test-XmppIM Get-Pool"
    );
    let calculated =
        Record::new("Map").with("n", "Pool").with("e", block(|item| item.property("target_fqdn").unwrap()));
    let ran = select(none().with("Property", Value::List(vec!["RES*".into(), calculated.into()])));
    assert_eq!(ran.shown(), "Result  Pool\n------  ----\nSuccess c\nFailure a\nSuccess B\n");
    let renamed = Record::new("Map").with("Name", "Pool").with("Expression", "target_fqdn");
    let ran = select(none().with("Property", Value::List(vec!["result".into(), renamed.into()])));
    assert_eq!(ran.shown(), "Result  Pool\n------  ----\nSuccess c\nFailure a\nSuccess B\n");
    let ran = select(none().with("Property", Value::texts(["Target_Fqdn", "Evidnce"])));
    assert_eq!(ran.shown(), "TargetFqdn Evidnce\n---------- -------\nc\na\nB\n");
    assert_eq!(ran.heard, ["WARNING: A TestResult has no property 'Evidnce': its column stays empty."]);
}

#[test]
fn select_first_ends_an_endless_pipe() {
    let endless = stage("ForEach-Object", none().and(block(|item| item)));
    let ran = feed(numbers(1_000_000), vec![endless, stage("Select-Object", none().with("First", 2_i64))]);
    assert_eq!(texts(&ran), "1 2");
    assert!(ran.ended.is_ok());
}

#[test]
fn sort_group_and_measure_work_on_properties() {
    let sorted = |arguments| pools(&feed(results(), vec![stage("Sort-Object", arguments)]));
    assert_eq!(sorted(none().and("TargetFqdn")), "a B c");
    assert_eq!(sorted(none().and("TargetFqdn").switch("CaseSensitive")), "B a c");
    assert_eq!(sorted(none().and("Latency").switch("Descending").with("Top", 2_i64)), "c B");
    assert_eq!(sorted(none().and("Result").switch("Unique")), "a c");
    let ran = feed(results(), vec![stage("Group-Object", none().and("Result"))]);
    assert_eq!(texts(&ran).matches("Count=").count(), 2);
    assert_eq!(ran.values[0].property("Count").unwrap().to_string(), "2");
    let arguments = none().and("Latency").switch("AllStats");
    let ran = feed(results(), vec![stage("Measure-Object", arguments)]);
    let lines = "Count             : 3\nAverage           : 00:00:00.0166666\nSum               : 00:00:00.0500000\n\
                 Maximum           : 00:00:00.0300000\nMinimum           : 00:00:00\n";
    assert!(ran.shown().starts_with(lines), "{}", ran.shown());
    let ran = run(vec![
        stage("Write-Output", none().and("1").and("2.5").and("x")),
        stage("measure", none().switch("Sum")),
    ]);
    assert_eq!(ran.values[0].property("Sum").unwrap().to_string(), "3.5");
    assert_eq!(ran.heard.len(), 1);
}

#[test]
fn compare_object_tells_the_sides_apart() {
    let arguments =
        none().and(Value::texts(["a", "b", "b"])).and(Value::texts(["B", "c"])).switch("IncludeEqual");
    let ran = run(vec![stage("Compare-Object", arguments)]);
    assert_eq!(
        ran.shown(),
        "InputObject SideIndicator\n----------- -------------\nb           ==\nc           =>\na           <=\nb           <=\n"
    );
}

#[test]
fn get_member_shows_each_type_once() {
    let ran = feed(results(), vec![stage("Get-Member", none().and("l*"))]);
    assert_eq!(
        ran.shown(),
        "TypeName   Name    MemberType Definition\n--------   ----    ---------- ----------\nTestResult Latency Property   duration\n"
    );
}

#[test]
fn tee_object_leaves_a_variable_behind() {
    let ran = feed(
        numbers(2),
        vec![stage("Tee-Object", none().with("Variable", "kept")), stage("measure", none())],
    );
    assert_eq!(ran.ended.unwrap(), [("kept".to_owned(), 2)]);
}

#[test]
fn format_cmdlets_choose_the_layout_and_json_forgets_it() {
    let ran = feed(results(), vec![stage("fl", none().and("Result").and("nothing"))]);
    assert!(ran.ended.is_err(), "a second place is a mistake");
    let ran = feed(results(), vec![stage("ft", none().and("Result").with("GroupBy", "Result"))]);
    assert_eq!(
        ran.shown(),
        "   Result: Success\n\nResult\n------\nSuccess\n\n   Result: Failure\n\nResult\n------\nFailure\n\n   \
         Result: Success\n\nResult\n------\nSuccess\n"
    );
    assert_eq!(render(&ran.values[..1], Format::JSONL, None, Colour::Never), "{\"Result\":\"Success\"}\n");
    let ran = feed(results(), vec![stage("fl", none().and(Value::texts(["Result", "Latency"])))]);
    assert!(ran.shown().starts_with("Result  : Success\nLatency : 00:00:00.0300000\n\nResult  : Failure\n"));
}

#[test]
fn json_goes_out_and_comes_back() {
    let there_and_back = vec![
        stage("ConvertTo-Json", none().switch("Compress")),
        stage("ConvertFrom-Json", none()),
        stage("Select-Object", none().and(Value::texts(["TargetFqdn", "LatencySeconds"]))),
    ];
    let ran = feed(results(), there_and_back);
    assert_eq!(ran.values.len(), 3);
    assert_eq!(ran.values[0].to_string(), "@{TargetFqdn=c; LatencySeconds=0.03}");
    let lines = run(vec![stage(
        "ConvertFrom-Json",
        none().and("{\"b\":1,\"a\":[null,2.5]}\n{\"b\":99999999999999999999}"),
    )]);
    assert_eq!(texts(&lines), "@{b=1; a={, 2.5}} @{b=99999999999999999999}");
    let refusal = |json: &str| run(vec![stage("ConvertFrom-Json", none().and(json))]).refusal();
    assert!(refusal("{\"a\":").starts_with("InvalidJson: The text is not JSON: EOF while parsing"));
    assert!(refusal("{\"a\":1,\"A\":2}").contains("one name"));
    assert!(refusal(&"[".repeat(100_000)).contains("recursion limit"));
}

#[test]
fn csv_goes_into_a_file_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let place = || directory.path().to_path_buf();
    let columns = || stage("Select-Object", none().and(Value::texts(["TargetFqdn", "Result"])));
    for arguments in [none().and("r.csv"), none().and("r.csv").switch("Append")] {
        let ran = run_in(place(), results(), vec![columns(), stage("Export-Csv", arguments)]);
        ran.ended.unwrap();
    }
    let text = std::fs::read_to_string(directory.path().join("r.csv")).unwrap();
    assert_eq!(text.lines().count(), 7);
    assert!(text.starts_with("\"TargetFqdn\",\"Result\"\n\"c\",\"Success\"\n"));
    let ran = run_in(place(), vec![], vec![stage("Import-Csv", none().and("r.csv"))]);
    assert_eq!(pools(&ran), "c a B c a B");
    let kept = run_in(place(), results(), vec![stage("Export-Csv", none().and("r.csv").switch("NoClobber"))]);
    assert!(kept.refusal().starts_with("FileExists: "));
    let others = || stage("Select-Object", none().and(Value::texts(["Result", "Latency"])));
    let append = || none().and("r.csv").switch("Append");
    let refused = run_in(place(), results(), vec![others(), stage("Export-Csv", append())]).refusal();
    assert!(refused.contains("has a column 'TargetFqdn'"), "{refused}");
    assert_eq!(std::fs::read_to_string(directory.path().join("r.csv")).unwrap(), text);
    let forced = stage("Export-Csv", append().switch("Force"));
    run_in(place(), results(), vec![others(), forced]).ended.unwrap();
    let longer = std::fs::read_to_string(directory.path().join("r.csv")).unwrap();
    assert_eq!(longer.strip_prefix(&text).unwrap().lines().next(), Some("\"\",\"Success\""));
    let bare = || stage("Export-Csv", none().and("bare.csv").switch("Append").switch("NoHeader"));
    for _ in 0..2 {
        run_in(place(), results(), vec![columns(), bare()]).ended.unwrap();
    }
    let bare = std::fs::read_to_string(directory.path().join("bare.csv")).unwrap();
    assert_eq!(bare.lines().nth(3), Some("\"c\",\"Success\""));
    let missing = run_in(place(), vec![], vec![stage("Import-Csv", none().and("none.csv"))]);
    assert!(missing.heard[0].starts_with("FileOpenFailure: The file 'none.csv' could not be opened:"));
    let twice = "a,A\n1,2\n";
    std::fs::write(directory.path().join("twice.csv"), twice).unwrap();
    let ran = run_in(place(), vec![], vec![stage("Import-Csv", none().and("twice.csv"))]);
    assert!(ran.refusal().contains("the column 'A' stands twice"));
}

#[test]
fn csv_has_a_column_for_every_property_or_says_which_have_none() {
    let directory = tempfile::tempdir().unwrap();
    let place = || directory.path().to_path_buf();
    let mixed = || -> Vec<Value> {
        let record =
            |name: &'static str, value: &'static str| Record::new("R").with("A", "1").with(name, value);
        vec![record("B", "two\nlines").into(), record("C", "=c").into(), record("b", "2").into()]
    };
    let export = |arguments| run_in(place(), mixed(), vec![stage("Export-Csv", arguments)]);
    let ran = export(none().and("m.csv"));
    assert_eq!(ran.heard, Vec::<String>::new());
    ran.ended.unwrap();
    let text = std::fs::read_to_string(directory.path().join("m.csv")).unwrap();
    let rows = "\"1\",\"two\nlines\",\"\"\n\"1\",\"\",\"'=c\"\n\"1\",\"2\",\"\"\n";
    assert_eq!(text, format!("\"A\",\"B\",\"C\"\n{rows}"));
    export(none().and("bare.csv").switch("NoHeader")).ended.unwrap();
    assert_eq!(std::fs::read_to_string(directory.path().join("bare.csv")).unwrap(), rows);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside them");

    std::fs::write(directory.path().join("a.csv"), "A\n0\n").unwrap();
    let told = "properties that are no column, and they are left out: B, C";
    let appended = export(none().and("a.csv").switch("Append"));
    assert!(appended.heard[0].contains(&format!("3 records have {told}")), "{:?}", appended.heard);
    let converted = run_in(place(), mixed(), vec![stage("ConvertTo-Csv", none())]);
    assert!(converted.heard[0].contains("1 record has properties"), "{:?}", converted.heard);
}

#[test]
fn csv_is_appended_in_the_manner_of_the_file_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f.csv");
    let append = |before: &[u8], arguments: Arguments| {
        std::fs::write(&file, before).unwrap();
        let row = Record::new("R").with("A", "3").with("B", "4").into();
        let export = stage("Export-Csv", arguments.and("f.csv").switch("Append"));
        let ran = run_in(directory.path().to_path_buf(), vec![row], vec![export]);
        let said = ran.ended.is_err().then(|| ran.refusal());
        (said, std::fs::read(&file).unwrap())
    };
    for (before, after) in [
        ("A,B\n1,2", "A,B\n1,2\n\"3\",\"4\"\n"),
        ("sep=;\r\nB;A\r\n2;1\r\n", "sep=;\r\nB;A\r\n2;1\r\n\"4\";\"3\"\n"),
        ("#TYPE X\n\"B\",\"A\"\n", "#TYPE X\n\"B\",\"A\"\n\"4\",\"3\"\n"),
        ("", "\"A\",\"B\"\n\"3\",\"4\"\n"),
    ] {
        let (said, text) = append(before.as_bytes(), none());
        assert_eq!((said, String::from_utf8(text).unwrap()), (None, after.to_owned()));
    }
    let utf16: Vec<u8> = "\u{feff}A,B\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (before, arguments, why) in [
        (
            utf16.as_slice(),
            none(),
            "EncodingMismatch: The file 'f.csv' is UTF-16, and rows are appended in UTF-8.",
        ),
        (
            b"A,Zo\xeb\n",
            none(),
            "InvalidEncoding: The file 'f.csv' cannot be read as text: line 1 is not UTF-8.",
        ),
        (
            b"sep=;\nA;B\n",
            none().with("Delimiter", ","),
            "DelimiterMismatch: The file 'f.csv' says sep=;, and",
        ),
        (b"A;B\n", none(), "CannotAppendCsvWithMismatchedPropertyNames: The file 'f.csv' has a column 'A;B'"),
    ] {
        let (said, after) = append(before, arguments);
        assert!(said.as_ref().is_some_and(|said| said.starts_with(why)), "{said:?}");
        assert_eq!(after, before);
    }
}

#[test]
fn out_file_writes_text_as_it_is_and_records_as_shown() {
    let directory = tempfile::tempdir().unwrap();
    let values = vec![Value::text("a\tb\u{1b}"), results().remove(0)];
    let list = stage("fl", none().and("Result"));
    let ran =
        run_in(directory.path().to_path_buf(), values, vec![list, stage("Out-File", none().and("o.txt"))]);
    ran.ended.unwrap();
    let text = std::fs::read_to_string(directory.path().join("o.txt")).unwrap();
    assert_eq!(text, "a\tb\u{1b}\nResult : Success\n");
    let ran = run_in(
        directory.path().to_path_buf(),
        numbers(1),
        vec![stage("Out-File", none().and("p.txt").switch("WhatIf"))],
    );
    assert_eq!(ran.heard, ["What if: Performing the operation \"Output to File\" on target \"p.txt\"."]);
    assert!(!directory.path().join("p.txt").exists());
}

#[test]
fn out_string_gives_the_lines_of_a_screen() {
    let ran = feed(
        results(),
        vec![
            stage("Out-String", none().switch("Stream")),
            stage("Select-Object", none().with("First", 1_i64)),
        ],
    );
    assert_eq!(texts(&ran), "Target Fqdn Receiver Result  Latency          Code");
}

#[test]
fn the_write_cmdlets_speak_beside_the_pipe() {
    let heard = |name: &str, arguments| {
        let ran = run(vec![stage(name, arguments)]);
        assert!(ran.values.is_empty());
        ran.heard.join("|")
    };
    assert_eq!(heard("Write-Host", none().and("a").and(1_i64).and(Value::texts(["x", "y"]))), "a 1 x y");
    assert_eq!(heard("Write-Host", none().and("\u{1b}[2J")), r"\x1b[2J");
    assert_eq!(heard("Write-Host", none()), "");
    assert_eq!(heard("Write-Warning", none().and("3 receivers")), "WARNING: 3 receivers");
    assert_eq!(heard("Write-Warning", none().and("x").with("WarningAction", "Ignore")), "");
    assert_eq!(heard("Write-Verbose", none().and("x")), "");
    assert_eq!(heard("Write-Verbose", none().and("x").switch("Verbose")), "VERBOSE: x");
    assert_eq!(heard("Write-Error", none().and("No pool.")), "WriteErrorException: No pool. ");
    assert_eq!(heard("Write-Progress", none().and("Sweep").with("PercentComplete", 50_i64)), "Sweep: 50/100");
    let stopped = run(vec![stage("Write-Error", none().and("No pool.").with("ErrorAction", "Stop"))]);
    assert!(stopped.refusal().starts_with("WriteErrorException"));
    assert_eq!(texts(&run(vec![stage("echo", none().and(Value::texts(["a", "b"])).and("c"))])), "a b c");
}

#[test]
fn html_is_escaped() {
    let record = Value::from(Record::new("R").with("<b>", "<script>\u{1b}"));
    let ran = feed(vec![record], vec![stage("ConvertTo-Html", none().with("Title", "<t>"))]);
    let html = texts(&ran);
    assert!(
        html.contains("<td>&lt;script&gt;\\x1b</td>") && html.contains("<title>&lt;t&gt;</title>"),
        "{html}"
    );
}

#[test]
fn measure_command_gives_a_duration() {
    let ran = run(vec![stage("Measure-Command", none().and(block(|_| Value::Null)))]);
    assert_eq!(ran.values[0].property("Duration").unwrap().kind(), "duration");
}
