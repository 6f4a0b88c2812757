//! The program's own words in both languages. Help and usage errors are in `arguments` (English) and `russian`.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;

use clap::ValueEnum;
use passteam_sandbox::RecordedRequest;

/// The language of everything that the program prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    #[default]
    Ru,
    En,
}

/// Names of the component's properties and of the page.
pub(crate) struct SettingNames {
    pub(crate) server_url: &'static str,
    pub(crate) token: &'static str,
    pub(crate) template_id: &'static str,
    pub(crate) certificate_file: &'static str,
    pub(crate) page: &'static str,
}

impl Language {
    /// The language that a command line asks for. It is needed before the command line is parsed, because help and usage
    /// errors must already be in it.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.collect();
        let english = |argument: &OsString| argument.eq_ignore_ascii_case("en");
        let separate = arguments.windows(2).any(|pair| pair[0] == "--lang" && english(&pair[1]));
        let joined = arguments.iter().any(|argument| argument == "--lang=en");
        if separate || joined { Self::En } else { Self::Ru }
    }

    pub(crate) fn settings(self) -> SettingNames {
        match self {
            Self::Ru => SettingNames {
                server_url: "АдресСервера",
                token: "Токен",
                template_id: "ИдентификаторШаблона",
                certificate_file: "ФайлСертификатов",
                page: "Страница с картами",
            },
            Self::En => SettingNames {
                server_url: "ServerUrl",
                token: "Token",
                template_id: "TemplateId",
                certificate_file: "CertificateFile",
                page: "Page with the cards",
            },
        }
    }

    pub(crate) fn warning_of_foreign_access(self) -> &'static str {
        match self {
            Self::Ru => "Внимание: песочница доступна с других машин, и её карты видны всем, кто до неё дойдёт.",
            Self::En => "Warning: other machines can reach the sandbox, and everybody who reaches it sees its cards.",
        }
    }

    pub(crate) fn advice_for_a_busy_port(self, free: SocketAddr) -> String {
        match self {
            Self::Ru => format!("Свободен, например, порт {}: --listen {free}", free.port()),
            Self::En => format!("Port {}, for example, is free: --listen {free}", free.port()),
        }
    }

    /// One line without personal data; `-` for what there is not.
    pub(crate) fn request_line(self, request: &RecordedRequest) -> String {
        match self {
            Self::Ru => request.to_string().replacen(" card ", " карта ", 1),
            Self::En => request.to_string(),
        }
    }

    /// A sentence about an error of the operating system; its own text if we have none in this language.
    pub(crate) fn io_error(self, error: &io::Error) -> Cow<'static, str> {
        let russian = match error.kind() {
            io::ErrorKind::AddrInUse => "адрес уже занят другой программой",
            io::ErrorKind::AddrNotAvailable => "у этой машины нет такого адреса",
            io::ErrorKind::PermissionDenied => "нет прав доступа",
            io::ErrorKind::NotFound => "нет такого пути",
            io::ErrorKind::IsADirectory => "это папка",
            io::ErrorKind::StorageFull => "на диске нет места",
            io::ErrorKind::ReadOnlyFilesystem => "диск только для чтения",
            _ => return error.to_string().into(),
        };
        match self {
            Self::Ru => russian.into(),
            Self::En => error.to_string().into(),
        }
    }
}
