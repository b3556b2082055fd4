; A heading takes in its section; the grammar makes none for an underlined one.
(section . (atx_heading heading_content: (_) @name)) @heading
(setext_heading heading_content: (_) @name) @heading
