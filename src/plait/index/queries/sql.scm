[(create_table (object_reference) @name) (create_view (object_reference) @name) (create_materialized_view (object_reference) @name)] @table
(create_type (object_reference) @name) @type
[(create_function (object_reference) @name) (create_procedure (object_reference) @name)] @function
(create_trigger (object_reference) @name) @function
(create_index column: (_) @name) @index
