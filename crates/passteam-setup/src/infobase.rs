//! Which infobase: `File=…` or `Srvr=…;Ref=…`, as 1C writes connection strings.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::text;
use crate::text::Text;

/// An infobase, without the user who opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Infobase {
    /// A folder with the file `1Cv8.1CD`.
    File(PathBuf),
    /// A base of a cluster.
    Cluster {
        /// Host, with a port if it is not the usual one.
        server: String,
        /// The name of the base in the cluster.
        name: String,
    },
}

impl Infobase {
    /// Reads a connection string. Keys may be written in any case, values may stand in quotes.
    ///
    /// # Errors
    /// The sentence for the user: what is wrong with the string.
    pub fn parse(text: &str) -> Result<Infobase, Text> {
        let (mut file, mut server, mut name) = (None, None, None);
        for (key, value) in pairs(text)? {
            let place = match key.to_lowercase().as_str() {
                "file" => &mut file,
                "srvr" => &mut server,
                "ref" => &mut name,
                "usr" | "pwd" => {
                    return Err(text!(
                        "пользователь и пароль в строке соединения не указываются: есть --user и --password-file",
                        "a user and a password do not belong into the connection string: there are --user and --password-file",
                    ));
                }
                "ws" => {
                    return Err(text!(
                        "через веб-сервер (ws=) расширение не загрузить: укажите саму базу, File=… или Srvr=…;Ref=…",
                        "an extension cannot be loaded through a web server (ws=): name the base itself, File=… or Srvr=…;Ref=…",
                    ));
                }
                _ => {
                    return Err(text!(
                        "в строке соединения непонятно «{key}»",
                        "the connection string has an unknown «{key}»"
                    ));
                }
            };
            if value.is_empty() || place.replace(value).is_some() {
                return Err(text!("«{key}» в строке соединения пуст или повторяется", "«{key}» is empty or repeated"));
            }
        }
        match (file, server, name) {
            (Some(path), None, None) => Ok(Infobase::File(PathBuf::from(without_last_separator(&path)))),
            (None, Some(server), Some(name)) => Ok(Infobase::Cluster { server, name }),
            _ => Err(wrong_shape()),
        }
    }

    /// The folder of a file base.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Infobase::File(folder) => Some(folder),
            Infobase::Cluster { .. } => None,
        }
    }

    /// The arguments by which `1cv8` finds it.
    pub(crate) fn designer_arguments(&self) -> [String; 2] {
        match self {
            Infobase::File(folder) => ["/F".to_owned(), folder.display().to_string()],
            Infobase::Cluster { server, name } => ["/S".to_owned(), format!("{server}\\{name}")],
        }
    }
}

impl fmt::Display for Infobase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Infobase::File(folder) => write!(f, "File={}", folder.display()),
            Infobase::Cluster { server, name } => write!(f, "Srvr={server};Ref={name}"),
        }
    }
}

/// `/` and `C:\` are folders by themselves. Anything else loses its last separator: before a quotation mark, a backslash
/// would be read as part of the mark.
fn without_last_separator(path: &str) -> &str {
    let short = path.trim_end_matches(['/', '\\']);
    if short.is_empty() || short.ends_with(':') { path } else { short }
}

fn wrong_shape() -> Text {
    text!(
        "строка соединения должна быть File=папка или Srvr=сервер;Ref=имя",
        "the connection string must be File=folder or Srvr=server;Ref=name",
    )
}

fn pairs(text: &str) -> Result<Vec<(&str, String)>, Text> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        // What cannot be read is not repeated: it may hold a password.
        let (key, after) = rest.split_once('=').ok_or_else(wrong_shape)?;
        let after = after.trim_start();
        let (value, next) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(&after[1..], quote)?,
            _ => after.split_once(';').map_or((after.trim(), ""), |(value, next)| (value.trim(), next)),
        };
        if value.contains('"') {
            return Err(text!(
                "кавычка внутри «{key}» строки соединения. Если путь кончается на \\, уберите \\ перед кавычкой",
                "a quotation mark inside «{key}» of the connection string. If the path ends with \\, remove the \\ before the \
                 mark",
            ));
        }
        pairs.push((key.trim(), value.to_owned()));
        rest = next.trim_start();
    }
    Ok(pairs)
}

/// A value up to its closing quote, and what follows the semicolon after it.
fn quoted(text: &str, quote: char) -> Result<(&str, &str), Text> {
    let unclosed =
        || text!("в строке соединения не закрыта кавычка", "a quotation mark of the connection string is not closed");
    let (value, after) = text.split_once(quote).ok_or_else(unclosed)?;
    let after = after.trim_start();
    match after.strip_prefix(';') {
        Some(next) => Ok((value, next)),
        None if after.is_empty() => Ok((value, "")),
        None => Err(unclosed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> PathBuf {
        match Infobase::parse(text) {
            Ok(Infobase::File(path)) => path,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_file_base_is_its_folder() {
        for text in ["File=/srv/base", "File=\"/srv/base\";", "file='/srv/base/';", " File = /srv/base ; "] {
            assert_eq!(file(text), Path::new("/srv/base"), "{text}");
        }
        assert_eq!(file("File=\"C:\\Базы 1С\\Магазин; новый\\\";"), Path::new("C:\\Базы 1С\\Магазин; новый"));
        assert_eq!(file("File=C:\\"), Path::new("C:\\"));
    }

    #[test]
    fn a_base_of_a_cluster_is_server_and_name() {
        let base = Infobase::parse("Srvr=\"server:1741\";Ref=\"retail\";").expect("a base");
        assert_eq!(base, Infobase::Cluster { server: "server:1741".into(), name: "retail".into() });
        assert_eq!(base.designer_arguments(), ["/S", "server:1741\\retail"]);
    }

    #[test]
    fn whatever_is_no_base_is_refused() {
        for text in [
            "",
            "File=",
            "base",
            "Srvr=a",
            "Ref=b",
            "File=a;Srvr=b;Ref=c",
            "File=a;File=b",
            "ws=http://a/b",
            "File=\"a",
        ] {
            assert!(Infobase::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_in_the_string_is_not_repeated_in_the_answer() {
        let refused = Infobase::parse("File=a;Usr=u;Pwd=geheim").expect_err("a password");
        assert!(refused.to_string().contains("--password-file") && !refused.to_string().contains("geheim"));
    }
}
