//! `check`: what is installed and whether it can work. It changes nothing.

use crate::arguments::BaseOptions;
use crate::base;
use crate::component;
use crate::designer::{self, Command};
use crate::error::{Left, SetupError};
use crate::extension::{Extension, NAME};
use crate::install;
use crate::properties::Properties;
use crate::protection;
use crate::session::Session;
use crate::state::{self, InDatabase};
use crate::text;

pub(crate) fn check(session: &Session, options: &BaseOptions) -> Result<Left, SetupError> {
    let extension = Extension::built_in()?;
    let Some(installed) = state::read(session, &extension)? else {
        session.console.say(&text!("\nРасширение {NAME} не установлено.", "\nThe extension {NAME} is not installed."));
        return Ok(Left::Something);
    };
    let configuration = base::survey(session, &extension)?;
    let mut left = Left::Nothing;

    let unknown = || "?".to_owned();
    let version = installed.version.as_ref().map_or_else(unknown, ToString::to_string);
    let component = installed.component.clone().unwrap_or_else(unknown);
    let platform = session.platform.version.as_ref().map_or_else(unknown, ToString::to_string);
    session.console.say(&text!(
        "\nВерсии: расширение {version}, компонента в нём {component}, платформа {platform}.",
        "\nVersions: extension {version}, its component {component}, platform {platform}.",
    ));
    if let (Some(installed), Some(ours)) = (&installed.version, extension.version())
        && *installed < ours
    {
        session
            .console
            .say(&text!("Есть новее: {ours} (команда update).", "There is a newer one: {ours} (command update)."));
    }
    let own = component::chosen(options.component.as_deref()).ok().and_then(|zip| component::version(&zip));
    if let Some(own) = own.filter(|own| Some(own) != installed.component.as_ref()) {
        session.console.say(&text!(
            "Компонента в расширении не та, что в этой программе ({own}).",
            "The component in the extension differs from the program's ({own}).",
        ));
    }
    match installed.in_database {
        InDatabase::Loaded => {}
        InDatabase::Earlier => {
            left = Left::Something;
            session.console.say(&text!(
                "Загруженное расширение не применено: повторите install (или update).",
                "What was loaded is not applied: repeat install (or update).",
            ));
        }
        InDatabase::Nothing => {
            left = Left::Something;
            session.console.say(&text!(
                "Загруженное расширение не применено, или проверить это не удалось (причина — в строках выше): повторите install.",
                "What was loaded is not applied, or that could not be verified (the lines above say why): repeat install.",
            ));
        }
    }
    let mode = configuration.mode.in_dump();
    if installed.mode.as_ref() != Some(&mode) {
        left = Left::Something;
        let theirs = installed.mode.clone().unwrap_or_else(unknown);
        session.console.say(&text!(
            "Режим совместимости расширения {theirs}, а конфигурации {mode}: платформа выключит расширение. Повторите install.",
            "The extension's compatibility mode is {theirs}, the configuration's {mode}: the platform will switch it off. Repeat \
             install.",
        ));
    }
    designer::run(session, &Command::CheckCanApply)?;
    session
        .console
        .say(&text!("Расширение применимо к этой конфигурации.", "The extension applies to this configuration."));

    let plans = base::distributed_plans(session, &configuration)?;
    let properties = properties(session, &mut left);
    if !plans.is_empty() {
        install::say_about_nodes(
            session,
            &plans,
            properties.and_then(|properties| properties.used_in_distributed_infobase),
        );
    }
    if configuration.has_catalogue_of_components() {
        session.console.say(&install::catalogue_of_components());
    }
    Ok(left)
}

fn properties(session: &Session, left: &mut Left) -> Option<Properties> {
    match protection::read(session) {
        Ok(Some(properties)) => {
            if properties.active == Some(false) {
                *left = Left::Something;
                session.console.say(&install::inactive());
            }
            if properties.allow_the_addin() {
                session.console.say(&text!(
                    "Безопасный режим и защита от опасных действий сняты.",
                    "Safe mode and the protection from dangerous actions are off.",
                ));
            } else {
                *left = install::two_boxes(session, None);
            }
            Some(properties)
        }
        Ok(None) => {
            session.console.say(&text!(
                "Свойства расширения этой платформой не читаются. Проверьте сами: \
                 «Безопасный режим» и «Защита от опасных действий» у {NAME} должны быть сняты.",
                "This platform cannot tell the extension's properties. Look \
                 yourself: «Безопасный режим» and «Защита от опасных действий» of {NAME} must be off.",
            ));
            None
        }
        Err(error) => {
            *left = install::two_boxes(session, Some(&error));
            None
        }
    }
}
