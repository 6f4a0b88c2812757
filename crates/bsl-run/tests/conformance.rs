//! What a real interpreter printed, this one prints too: expressions with their values, programs with their output.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bsl_run::{on_large_stack, run_script};

/// Collects what a program prints.
#[derive(Clone, Default)]
struct Printed(Rc<RefCell<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn output_of(file: &Path) -> Result<String, String> {
    on_large_stack(|| {
        let printed = Printed::default();
        run_script(file, Vec::new(), printed.clone()).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(printed.0.borrow().clone()).unwrap())
    })
    .unwrap()
}

/// One program for all expressions: `ИСКЛЮЧЕНИЕ` where one raises.
#[test]
fn expressions_have_their_values() {
    let table = std::fs::read_to_string(folder().join("expressions.tsv")).unwrap();
    let rows: Vec<_> = table.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(rows.len() > 90, "{}", rows.len());
    let program: String = rows
        .iter()
        .map(|(expression, _)| {
            format!("Попытка Сообщить(Строка({expression})) Исключение Сообщить(\"ИСКЛЮЧЕНИЕ\") КонецПопытки;\n")
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expressions.os");
    std::fs::write(&file, program).unwrap();
    let output = output_of(&file).unwrap();
    let wrong: Vec<_> =
        rows.iter().zip(output.lines().map(str::to_owned)).filter(|((_, expected), got)| expected != got).collect();
    assert_eq!(output.lines().count(), rows.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn programs_print_their_output() {
    let mut count = 0;
    for entry in std::fs::read_dir(folder().join("programs")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "os") {
            let expected = std::fs::read_to_string(file.with_extension("txt")).unwrap();
            let printed = output_of(&file).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(printed.trim_end(), expected.trim_end(), "{}", file.display());
            count += 1;
        }
    }
    assert!(count >= 7, "{count}");
}
