(class_declaration name: (_) @name) @class
(protocol_declaration name: (_) @name) @interface
[(function_declaration name: (_) @name) (protocol_function_declaration name: (_) @name)] @function
(typealias_declaration name: (_) @name) @type
(associatedtype_declaration name: (_) @name) @type
(source_file (property_declaration name: (pattern) @name) @variable)
(import_declaration) @import
