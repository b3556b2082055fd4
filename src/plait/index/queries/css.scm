(class_selector (class_name) @name @selector)
(id_selector (id_name) @name @selector)
(keyframes_statement (keyframes_name) @name) @keyframes
(stylesheet (rule_set (block (declaration (property_name) @word @name) @worded)))
(import_statement) @import
