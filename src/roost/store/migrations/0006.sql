-- What is asked of a running session is its control request, by the field's word. Within a JSON string the quotes
-- would be escaped, so the key is the only thing that looks like this.
UPDATE sessions SET data = replace(data, '"errand":', '"control":') WHERE instr(data, '"errand":');
UPDATE intents SET kind = 'control', key = 'control' || substr(key, length('errand') + 1) WHERE kind = 'errand';
