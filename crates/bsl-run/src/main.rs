//! `bsl-run FILE [PARAMETER…]`: runs a program in BSL and prints what `Сообщить` prints.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use bsl_run::{on_large_stack, run_script};

const HELP: &str = "\
bsl-run — выполняет программу на встроенном языке 1С:Предприятия

Использование: bsl-run ФАЙЛ [ПАРАМЕТР…]

Печатает то, что печатает Сообщить. Необработанное исключение: код завершения 1 и строка «файл:строка: текст».
";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(file) = arguments.next().filter(|file| file != "--help" && file != "-h") else {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    };
    let parameters = arguments.map(|argument| argument.to_string_lossy().into_owned()).collect();
    let file = PathBuf::from(file);
    let finished = on_large_stack(|| run_script(&file, parameters, io::stdout()));
    match finished {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("Не удалось начать выполнение: {error}");
            ExitCode::FAILURE
        }
    }
}
