(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
[(struct_declaration name: (identifier) @name) (record_declaration name: (identifier) @name)] @struct
(delegate_declaration name: (identifier) @name) @type
[(method_declaration name: (identifier) @name) (constructor_declaration name: (identifier) @name) (destructor_declaration name: (identifier) @name)] @method
(local_function_statement name: (identifier) @name) @function
(namespace_declaration name: (_) @name) @module
(property_declaration name: (identifier) @name) @property
(enum_member_declaration name: (identifier) @name) @constant
(field_declaration (modifier "const") (variable_declaration (variable_declarator name: (identifier) @name))) @constant
(using_directive) @import
