"use strict";

SwaggerUIBundle({
  url: document.getElementById("description").dataset.url,
  dom_id: "#description",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
