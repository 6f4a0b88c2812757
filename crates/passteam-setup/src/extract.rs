//! `extract`: the extension's files for who loads them by hand.

use crate::arguments::ExtractOptions;
use crate::component;
use crate::console::Console;
use crate::error::{Left, SetupError};
use crate::extension::{self, Extension, Fit};
use crate::files;
use crate::text;
use crate::version::Release;

pub(crate) fn extract(options: &ExtractOptions, console: &Console) -> Result<Left, SetupError> {
    let extension = Extension::built_in()?;
    let component = component::chosen(options.component.as_deref())?;
    let out = &options.out;
    if out.exists() {
        let mut entries = out.read_dir().map_err(SetupError::file(out))?;
        if entries.next().is_some() {
            let shown = out.display();
            return Err(SetupError::Refused(text!(
                "папка {shown} не пуста, а лишние файлы загрузились бы вместе с расширением",
                "the folder {shown} is not empty, and what is in it would be loaded with the extension",
            )));
        }
    }
    // Without a platform the files are those of the release: for 8.3.23 or later.
    let platform = options.platform.unwrap_or(Release::FIRST_WITH_JOBS);
    let fit = Fit {
        mode: options.mode,
        format: options.format,
        platform,
        without_jobs: false,
        run_mode: None,
        interface_mode: None,
    };
    let fitted = extension.fitted(&fit, &component)?;
    files::write_all(out, &fitted)?;
    let (shown, mode, format) = (out.display(), options.mode, options.format);
    console.say(&text!(
        "Файлы расширения: {shown}\nРежим совместимости {mode}, формат {format}.",
        "The extension's files: {shown}\nCompatibility mode {mode}, format {format}.",
    ));
    if fit.with_jobs() {
        console.say(&text!(
            "С регламентными заданиями: нужна платформа 8.3.23 или новее; в сети магазинов решает самый старый узел.",
            "With scheduled jobs: platform 8.3.23 or later is needed; in a chain of shops the oldest node decides.",
        ));
    } else {
        // The Designer loads what the root lists, so a folder more does not go into the base.
        let scheduled = out.join("scheduled");
        files::write_all(&scheduled, &extension::scheduled(options.format)?)?;
        let scheduled = scheduled.display();
        console.say(&text!(
            "Без регламентных заданий: платформа до 8.3.23 их в расширениях не принимает. Вместо них — внешняя обработка: \
             {scheduled}",
            "Without scheduled jobs, which a platform before 8.3.23 does not take in extensions. Instead there is an external \
             data processor: {scheduled}",
        ));
    }
    Ok(Left::Nothing)
}
