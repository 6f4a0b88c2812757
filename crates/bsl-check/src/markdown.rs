use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// The fenced blocks of a Markdown text that are marked `bsl`, each with the line of its first line of code, from 1.
pub fn bsl_blocks(markdown: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) if language.as_ref() == "bsl" => {
                let fence_line = markdown[..range.start].matches('\n').count() + 1;
                open = Some((fence_line + 1, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, code)) = &mut open {
                    code.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::bsl_blocks;

    #[test]
    fn bsl_blocks_come_with_their_lines_and_others_are_left_out() {
        let markdown = "# A\n\n```bsl\nX = 1;\nY = 2;\n```\n\n```sh\nls\n```\n\n- item\n\n  ```bsl\n  Z = 3;\n  ```\n";
        assert_eq!(bsl_blocks(markdown), [(4, "X = 1;\nY = 2;\n".to_owned()), (15, "Z = 3;\n".to_owned())]);
    }

    #[test]
    fn a_text_without_blocks_has_none() {
        assert!(bsl_blocks("text `bsl` text\n").is_empty());
    }
}
