(class_declaration name: (identifier) @name) @class
[(interface_declaration name: (identifier) @name) (annotation_type_declaration name: (identifier) @name)] @interface
(enum_declaration name: (identifier) @name) @enum
(record_declaration name: (identifier) @name) @struct
[(method_declaration name: (identifier) @name) (constructor_declaration name: (identifier) @name) (compact_constructor_declaration name: (identifier) @name) (annotation_type_element_declaration name: (identifier) @name)] @method
(enum_constant name: (identifier) @name) @constant
(constant_declaration declarator: (variable_declarator name: (identifier) @name)) @constant
(field_declaration (modifiers "static" "final") declarator: (variable_declarator name: (identifier) @name)) @constant
(module_declaration name: (_) @name) @module
(import_declaration) @import
