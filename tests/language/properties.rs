//! What holds for every text: no panic, linear work, positions inside the text, Rhai untouched.

use imsh::internals::cmdlet::Position;
use imsh::internals::script::language::{ReadText, ReadingContext, lower_in, read};
use proptest::prelude::*;

use crate::catalogue::{catalogue, small_catalogue};
use crate::corpus::{VARIABLES, cases, files, rhai_engine};

/// Pieces of which texts are made that the front end has to think about.
const PIECES: &[&str] = &[
    "Get-Pool",
    "Test-XmppIM",
    "Where-Object",
    "| ? ",
    "| % ",
    "ft",
    "select ",
    "-TargetFqdn ",
    "-Rec",
    "-eq ",
    "-and ",
    "-not ",
    "-match ",
    "-f ",
    "-?",
    "$x",
    "$_",
    "$true",
    "$x = ",
    "$x += ",
    "@x",
    "@(",
    "@{",
    "#{",
    "a = 1; ",
    "\"",
    "'",
    "`",
    "`\n",
    "\\",
    "$(",
    "${",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "[int]",
    "|",
    "||",
    "&&",
    "&",
    ",",
    ";",
    "\n",
    "\r\n",
    " ",
    "\t",
    "// c",
    "/*",
    "*/",
    "# c",
    "#\"",
    "\"#",
    "if ",
    "else ",
    "elseif ",
    "while ",
    "for x in ",
    "for (a, b) in ",
    "foreach (",
    "switch x ",
    "=> ",
    "fn f(a) ",
    "let x = ",
    "const y = ",
    "return ",
    "|a| ",
    "x",
    "y.z",
    ".len()",
    "1",
    "1.5",
    "5kb",
    "-5",
    "==",
    "!=",
    "=",
    "!",
    "+",
    "..",
    "::",
    "__x",
    "é",
    "∂",
    "\u{0}",
    "\u{7f}",
    "try ",
    "catch (e) ",
    "finally ",
    "do ",
    "loop ",
    "throw ",
    "param(",
    "function F ",
    "> f",
    "2>&1",
    "--%",
    "<#",
    "#>",
    "import \"a\" as b",
    "in ",
    "$env:A",
    "$global:x",
    "x!(",
    "?.",
    "??",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 0..80).prop_map(|letters| letters.into_iter().collect()),
    ]
}

fn reading(text: &str) -> ReadText {
    let catalogue = catalogue();
    read(text, &ReadingContext { variables: VARIABLES, ..ReadingContext::new(&catalogue) })
}

fn is_inside(text: &str, position: Position) -> bool {
    let Some(line) = text.split('\n').nth(position.line.wrapping_sub(1)) else { return false };
    (1..=line.chars().count() + 1).contains(&position.column)
}

/// A program without the literals that stand alone in a block, which are output there as in PowerShell,
/// and without what a program with output does to the errors that it catches.
fn without_lone_literals(program: &str) -> String {
    let literal = r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"#;
    let block = format!(r"\{{\s*(?:{literal}|__shell::emit\((?:{literal})\s*\))\s*\}}");
    let without_literals = regex::Regex::new(&block).unwrap().replace_all(program, "{}").into_owned();
    let error = regex::Regex::new(r" ?\w+ = __shell::caught\(\w+\);").unwrap();
    error.replace_all(&without_literals, "").into_owned()
}

/// No reading looks at more characters than this for one of the text: a few of them several times.
const WORK: usize = 24;

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic_and_every_position_is_inside(text in texts()) {
        let reading = reading(&text);
        for mistake in &reading.mistakes {
            prop_assert!(is_inside(&text, mistake.position), "{:?}", mistake);
        }
        for warning in &reading.warnings {
            prop_assert!(is_inside(&text, warning.position), "{:?}", warning);
        }
        prop_assert!(reading.steps <= WORK * (text.len() + 8), "{} steps for {} bytes", reading.steps, text.len());
        if let Some(lowered) = reading.lowered() {
            for (line, content) in lowered.text().split('\n').enumerate() {
                for column in [0, 1, 2, content.chars().count(), content.chars().count() + 5] {
                    prop_assert!(is_inside(&text, lowered.to_source(line + 1, column)));
                }
            }
            prop_assert!(is_inside(&text, lowered.to_source(0, 0)));
            prop_assert!(is_inside(&text, lowered.to_source(99_999, 99_999)));
            // Rhai refuses some of them, and none of them brings it down.
            let _ = rhai_engine().compile(lowered.text());
        }
    }

    #[test]
    fn rhai_text_passes_through(text in rhai_programs()) {
        let catalogue = catalogue();
        let lowered = lower_in(&text, &ReadingContext::new(&catalogue));
        let lowered = lowered.map_err(|mistakes| TestCaseError::fail(format!("{text}\n{mistakes:?}")))?;
        prop_assert_eq!(without_lone_literals(lowered.text()), without_lone_literals(&text));
        // With nothing made, no position moves.
        if lowered.text() != text {
            return Ok(());
        }
        for (number, line) in text.split('\n').enumerate() {
            for column in 1..=line.chars().count() {
                let position = Position { line: number + 1, column };
                prop_assert_eq!(lowered.to_source(number + 1, column), position);
            }
        }
    }

    #[test]
    fn lowered_corpus_cut_anywhere_is_still_read(place in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()) {
        let all: Vec<String> = files().into_iter().map(|(_, file)| file).collect();
        let texts: Vec<&str> = all.iter().flat_map(|file| cases(file)).map(|(_, text)| text).collect();
        let text = texts[place.index(texts.len())];
        let mut end = cut.index(text.len() + 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        reading(&text[..end]);
    }
}

/// Programs of Rhai's, with everything in them that a command line might be mistaken for.
fn rhai_programs() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["alpha", "beta", "get", "pool", "eq", "f", "sort", "select", "r"][..]);
    let literal = prop::sample::select(
        &[
            "1",
            "2.5",
            "0xff",
            "\"text\"",
            "\"a \\\" // b\"",
            "'c'",
            "'\\''",
            "`back ${1 + 1} tick`",
            "#\"raw \"\"#",
            "true",
            "()",
            "\"Get-Pool -x\"",
            "[1, 2]",
            "#{ a: 1, \"b\": 2 }",
            "\"it's\"",
        ][..],
    );
    let operand = prop_oneof![name.clone().prop_map(str::to_owned), literal.prop_map(str::to_owned)];
    let operator = prop::sample::select(
        &[" + ", " - ", "-", " * ", " == ", " != ", " < ", " && ", " || ", " ?? ", " in ", " - -", " % "][..],
    );
    let expression = operand.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (inner.clone(), operator.clone(), inner.clone())
                .prop_map(|(left, operator, right)| format!("{left}{operator}{right}")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            inner.clone().prop_map(|inner| format!("!{inner}")),
            (inner.clone(), inner.clone()).prop_map(|(first, second)| format!("[{first}, {second}].len()")),
            (inner.clone(), inner.clone()).prop_map(|(first, second)| format!("f({first}, {second})")),
            (inner.clone(), inner.clone())
                .prop_map(|(first, second)| format!("if {first} == 1 {{ {first} }} else {{ {second} }}")),
            inner.clone().prop_map(|inner| format!("|a, b| {{ a - {inner} }}")),
            inner.clone().prop_map(|inner| format!("switch beta {{ 1 | 2 => {inner}, _ => {{ {inner} }} }}")),
            inner.prop_map(|inner| format!("#{{ key: {inner} }}.key")),
        ]
    });
    let statement = prop_oneof![
        expression.clone().prop_map(|value| format!("let alpha = {value};")),
        expression.clone().prop_map(|value| format!("beta += {value};")),
        expression.clone().prop_map(|value| format!("while {value} > 0 {{ beta -= 1; }}")),
        expression.clone().prop_map(|value| format!("for (x, i) in {value} {{ print(x); }}")),
        expression.clone().prop_map(|value| format!("try {{ throw {value}; }} catch (e) {{ print(e); }}")),
        expression.clone().prop_map(|value| format!("do {{ beta -= 1; }} until {value};")),
        expression.prop_map(|value| format!("return {value}; // it's | a \"comment\"")),
        Just("/* block /* nested */ Get-Pool */ ;".to_owned()),
        Just("fn add(a, b) { a - b }".to_owned()),
        Just("\n\n\t".to_owned()),
    ];
    prop::collection::vec(statement, 0..12).prop_map(|statements| {
        let declared = "let get = 1; let pool = 2; let beta = 3; let eq = 4; let sort = 5; let select = 6; let f = 7; let r = 8; let alpha = 9;\n";
        format!("{declared}{}", statements.join("\n"))
    })
}

#[test]
fn pure_rhai_of_the_corpus_passes_through() {
    let catalogue = catalogue();
    for (name, file) in files() {
        for (title, text) in cases(&file).filter(|_| name.starts_with("rhai")) {
            let lowered = lower_in(text, &ReadingContext::new(&catalogue)).unwrap();
            assert_eq!(lowered.text(), text, "{title}");
        }
    }
}

#[test]
fn work_grows_with_the_text_and_no_faster() {
    let unit = [
        "a-b-c-d-",
        "((((",
        "Get-Pool | ",
        "\"",
        "$x[",
        "`",
        "@(",
        "{",
        "x.y ",
        "/*",
        "if a { ",
        "$x = ",
        "\n",
        " ",
        "a\n",
        "-eq ",
        "|x| ",
        "[int",
        "a b\n",
        "é",
        "$a\n",
        "# ",
        "Get-Pool -Site a,",
        "switch x { ",
        "x => {",
        "1..",
        "${",
        "`${",
        "@{a=",
        "| ? {",
        "} else ",
        "\"$(",
        "-not !",
    ];
    for unit in unit {
        for n in [100, 10_000] {
            let text = unit.repeat(n);
            let steps = reading(&text).steps;
            assert!(steps <= WORK * (text.len() + 8), "{steps} steps for {} bytes of {unit:?}", text.len());
        }
    }
}

/// What Rhai needs grows with the square of what it is given at once.
#[test]
fn no_part_of_a_long_script_is_long() {
    let catalogue = catalogue();
    for line in [
        "let r = Get-Pool | Where-Object { $_.Site -eq \"x\" }\n",
        "$x = Get-Pool\n",
        "let f = |a| a.b;\n",
        "fn fN(a) { a }\n",
        "for p in Get-Pool { print(p); }\n",
        "let v = 1; ",
    ] {
        let text: String = (0..5_000).map(|n| line.replace("fN", &format!("f{n}"))).collect();
        let lowered = lower_in(&text, &ReadingContext::new(&catalogue)).unwrap();
        let offsets = lowered.boundaries().iter().map(|boundary| boundary.offset);
        let ends: Vec<usize> = std::iter::once(0).chain(offsets).chain([lowered.text().len()]).collect();
        for part in ends.windows(2) {
            assert!(part[1] - part[0] < 70_000, "{line}");
        }
        for boundary in lowered.boundaries() {
            let before = &lowered.text()[..boundary.offset];
            let line_start = before.rfind('\n').map_or(0, |end| end + 1);
            let position = Position {
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
            };
            assert_eq!(boundary.position, position, "{line}");
            assert!(before.ends_with([';', '}']), "{line}");
        }
    }
}

#[test]
fn thousands_of_variables_are_declared_where_they_are_first_named() {
    let text: String = (1..=8_000).map(|n| format!("$x{n} = Get-Pool $x{n}\n")).collect();
    let catalogue = catalogue();
    let lowered = lower_in(&text, &ReadingContext::new(&catalogue)).unwrap();
    let mut declared = String::new();
    for (number, line) in lowered.text().lines().enumerate() {
        let number = number + 1;
        let assigned = line.find(&format!("x{number} = __shell")).unwrap();
        assert_eq!(lowered.to_source(number, assigned + 1), Position { line: number, column: 1 });
        declared.push_str(&line[..assigned]);
        assert!(declared.ends_with(&format!("let x{number} = (); ")), "{line}");
        declared = line[assigned..].to_owned();
    }
}

#[test]
fn nesting_ends_in_a_mistake_and_not_in_a_crash() {
    for (open, close) in [
        ("(", ")"),
        ("{", "}"),
        ("[", "]"),
        ("#{a:", "}"),
        ("Get-Pool (", ")"),
        ("Get-Pool | % {", "}"),
        ("$x = @(", ")"),
        ("$x = @{a=", "}"),
        ("|a| ", ""),
        ("\"$(", ")\""),
        ("if a {", "}"),
        ("`${", "}`"),
        ("Get-Pool \"$(", ")\""),
    ] {
        let text = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let told = thread
            .spawn(move || reading(&text).mistakes.iter().any(|mistake| mistake.to_string().contains("deep")))
            .unwrap();
        assert!(told.join().unwrap(), "{open}");
    }
}

#[test]
fn a_line_on_which_positions_cannot_be_counted_is_a_mistake() {
    let text = format!("Get-Pool {}", "abcdefgh,".repeat(9_000) + "x");
    let mistakes = reading(&text).mistakes;
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].to_string().contains("too long"), "{}", mistakes[0]);
    let mistakes = reading(&"\n".repeat(70_000)).mistakes;
    assert!(mistakes[0].to_string().contains("65535 lines"), "{}", mistakes[0]);
}

#[test]
fn a_cmdlet_that_one_may_not_run_is_left_to_the_door() {
    let (small, all) = (small_catalogue(), catalogue());
    let setting = ReadingContext { everything: Some(&all), ..ReadingContext::new(&small) };
    let lowered = lower_in("Test-XmppIM -Nonsense 5 -TargetFqdn", &setting).unwrap();
    assert!(lowered.text().contains("Test-XmppIM"));
    let mistakes = lower_in("Test-XmppIM a b", &ReadingContext::new(&small)).unwrap_err();
    assert!(mistakes[0].to_string().starts_with("there is no cmdlet"));
}
