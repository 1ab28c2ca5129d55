def text(facts, figures, clusters):
    import json
    return json.dumps([facts, figures], indent=1)
