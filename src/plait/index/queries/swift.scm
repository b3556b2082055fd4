(class_declaration declaration_kind: "struct" name: (_) @name) @struct
(class_declaration declaration_kind: "enum" name: (_) @name) @enum
(class_declaration name: (_) @name) @class
(init_declaration "init" @name) @method
(enum_entry name: (simple_identifier) @name) @constant
(protocol_declaration name: (type_identifier) @name) @interface
[(function_declaration name: (simple_identifier) @name) (protocol_function_declaration name: (simple_identifier) @name)] @function
(typealias_declaration name: (type_identifier) @name) @type
(associatedtype_declaration name: (_) @name) @type
(source_file (property_declaration name: (pattern) @name) @variable)
(import_declaration) @import
